export const process = async () => ({ body: 'post' });
