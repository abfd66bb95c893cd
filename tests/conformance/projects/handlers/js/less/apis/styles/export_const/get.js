export const process = async () => ({ body: 'export const' });
