export const process = async () => ({ body: 'fine' });
