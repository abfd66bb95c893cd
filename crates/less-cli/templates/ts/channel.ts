import { sockets, type Heard } from '@chuva.io/less';

// A client has sent {"channel": "{{channel}}", "data": …}.
export const process = async ({ data, connection_id }: Heard): Promise<void> => {
  // Back to who sent it; sockets{{socket}}.broadcast(data) reaches all.
  await sockets{{socket}}.publish(data, [connection_id]);
};
