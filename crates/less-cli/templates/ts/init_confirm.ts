// Gets every order at least once. When it throws, the order comes again, and the other subscriber does not notice.
export const process = async (order: unknown): Promise<void> => {
  console.log('confirmed', order);
};
