export const process = async () => ({ body: 'root' });
