export const process = async (): Promise<never> => {
  throw new TypeError('a secret');
};
