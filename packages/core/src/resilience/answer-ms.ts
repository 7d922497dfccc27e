/** The backend has this long to answer a question that holds a call up, before the node decides by itself, ms. */
export const ANSWER_MS = 250;
