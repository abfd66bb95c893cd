export const kept = 'for ever';
