export const process = async () => ({ body: 'put' });
