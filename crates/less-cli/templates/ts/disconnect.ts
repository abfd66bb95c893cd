// A connection has ended, however it did.
export const process = async ({ connection_id }: { connection_id: string }): Promise<void> => {
  console.log(`${connection_id} has gone`);
  // Forget here what connect has kept.
};
