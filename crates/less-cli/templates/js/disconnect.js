// A connection has ended, however it did.
exports.process = async ({ connection_id }) => {
  console.log(`${connection_id} has gone`);
  // Forget here what connect has kept.
};
