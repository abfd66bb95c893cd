export const process = (n: number) => ({ doubled: 2 * n, language: 'ts' });
