export const process = async () => {};
