import { exit } from 'node:process';

export const process = (): never => exit(1);
