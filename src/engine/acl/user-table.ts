/** Users whose rules name the commands of a registry. */
import { ACL_CATEGORIES } from '../../commands/contract/definition.js';
import type { Registry } from '../registry.js';
import { AclCatalog } from './catalog.js';
import type { AclDefaults } from './user.js';
import { AclUsers } from './users.js';

/** Rules name commands by their own names, whatever rename-command made of them. */
export function createUserTable(registry: Registry, defaults: AclDefaults): AclUsers {
  return new AclUsers(new AclCatalog(registry.originals.values(), ACL_CATEGORIES), defaults);
}
