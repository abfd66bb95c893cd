import { sockets, type Heard } from '@chuva.io/less';

export const process = async ({ data, connection_id }: Heard) => {
  await sockets.chat.publish({ said: data, by: connection_id }, [connection_id]);
};
