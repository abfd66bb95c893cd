export const process = async () => ({ body: 'patch' });
