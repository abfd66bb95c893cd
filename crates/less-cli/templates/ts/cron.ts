// Runs when {{variable}} says, which less.config lists and .env sets.
export const process = async (): Promise<void> => {
  console.log('{{name}} is running');
};
