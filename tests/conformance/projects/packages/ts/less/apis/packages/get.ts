// Where three modules come from.
import * as less from '@chuva.io/less';
import * as models from 'models';
import { owner } from 'only-module';

export const process = async () => ({
  body: { less: 'owner' in less ? less.owner : 'the system', models: models.owner, only_module: owner },
});
