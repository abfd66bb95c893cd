// Notes every attempt, then refuses what is poisoned, until somebody brings the antidote.
import type { Context } from '@chuva.io/less';
import { note, noted } from 'notes';

const VERSION = 1;

interface Meal {
  n: number;
  poison?: boolean;
}

export const process = async (meal: Meal, { attempt }: Context): Promise<void> => {
  note('picky', { n: meal.n, attempt, at: Date.now(), version: VERSION });
  if (meal.poison && !noted('antidote')) throw new Error(`cannot stomach ${meal.n}`);
};
