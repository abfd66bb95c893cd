// Runs when {{variable}} says, which less.config lists and .env sets.
exports.process = async () => {
  console.log('{{name}} is running');
};
