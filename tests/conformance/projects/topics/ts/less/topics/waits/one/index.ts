// Begins, waits until it is let go, ends.
import type { Context } from '@chuva.io/less';
import { note, until_noted } from 'notes';

const VERSION = 1;

export const process = async (n: number, { attempt }: Context) => {
  note('begun', { n, attempt, version: VERSION });
  await until_noted('go');
  note('ended', { n, attempt, version: VERSION });
};
