// What handlers tell the suite: lines in files that it reads. Whole lines survive any end of the process.
import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

const file = (name: string): string => join(process.env.TMPDIR!, '..', 'notes', name);

export const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Appends a line. */
export function note(name: string, value: unknown): void {
  appendFileSync(file(name), `${JSON.stringify(value)}\n`);
}

/** Is there such a note, a handler's or the suite's? */
export const noted = (name: string): boolean => existsSync(file(name));

/** Resolves once there is. */
export async function until_noted(name: string): Promise<void> {
  while (!noted(name)) await sleep(20);
}

export const pid: number = process.pid;
