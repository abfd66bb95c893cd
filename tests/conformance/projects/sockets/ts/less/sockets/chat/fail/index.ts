export const process = async (): Promise<void> => {
  throw new TypeError('a secret');
};
