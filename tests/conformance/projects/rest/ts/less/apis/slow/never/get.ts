export const process = () => new Promise<never>(() => {});
