import { env } from 'node:process';

export const process = async () => ({ body: { ...env } });
