import type { Connecting } from '@chuva.io/less';
import { note, until_noted } from 'notes';

export const process = async ({ connection_id, headers, query }: Connecting) => {
  note('connect', { connection_id, token: headers['X-Token'], any_case: headers['x-token'], query });
  if (query.wait) await until_noted('open');
  if (query.refuse === 'throw') throw new Error('not today');
  if (query.refuse) return { statusCode: Number(query.refuse) };
};
