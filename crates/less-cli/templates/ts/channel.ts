import { sockets } from '@chuva.io/less';

interface Sent {
  data: any;
  connection_id: string;
}

// A client has sent {"channel": "{{channel}}", "data": …}.
export const process = async ({ data, connection_id }: Sent): Promise<void> => {
  // Back to who sent it; sockets{{socket}}.broadcast(data) reaches all.
  await sockets{{socket}}.publish(data, [connection_id]);
};
