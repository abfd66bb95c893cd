import type { Context } from '@chuva.io/less';
import { note } from 'notes';

export const process = async (parcel: unknown, { message_id }: Context) =>
  note('parcels', { parcel, id: message_id, at: Date.now() });
