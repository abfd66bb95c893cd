export const process = async () => ({ body: 'get' });
