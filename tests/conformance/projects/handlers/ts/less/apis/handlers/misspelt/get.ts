import { topics } from '@chuva.io/less';

export const process = async () => {
  try {
    // @ts-expect-error: there is no such topic
    await topics.order_placd.publish(1);
    return { body: 'taken' };
  } catch (error) {
    return { body: (error as Error).message };
  }
};
