import type { Context } from '@chuva.io/less';
import { note } from 'notes';

export const process = async (meal: { n: number }, { attempt }: Context) => note('steady', { n: meal.n, attempt });
