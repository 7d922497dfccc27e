import { customAlphabet } from 'nanoid';

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';

/** Short enough to be typed, and random enough (82 bits) that no two alerts share one. */
export const newAlertId: () => string = customAlphabet(ALPHABET, 16);
