export const process = async () => ({ body: 'me' });
