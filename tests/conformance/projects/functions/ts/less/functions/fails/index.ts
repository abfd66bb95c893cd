export const process = async (message: string): Promise<never> => {
  throw new TypeError(message);
};
