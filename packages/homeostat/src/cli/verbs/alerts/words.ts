/** The words that alerts are spoken of in, as the command line takes them. */
export const SEVERITIES = ['critical', 'high', 'medium', 'low'] as const;
export const LEVELS = ['s1', 's3', 's4', 's5'] as const;
export const STATES = ['open', 'acked', 'cleared-unacked', 'resolved', 'active', 'all'] as const;
