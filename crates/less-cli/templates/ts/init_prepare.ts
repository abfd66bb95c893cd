// Has a copy of every order of its own.
export const process = async (order: unknown): Promise<void> => {
  console.log('prepared', order);
};
