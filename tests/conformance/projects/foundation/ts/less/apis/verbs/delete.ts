export const process = async () => ({ body: 'delete' });
