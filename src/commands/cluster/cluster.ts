/**
 * CLUSTER: this server does not form clusters. KEYSLOT only computes, so that it works; the others
 * answer what a Redis without cluster mode answers.
 */
import { slotOf } from '../../keyspace/slot.js';
import type { CommandDefinition, ContainerDefinition } from '../contract/definition.js';
import { answerDisabled } from './lib/answer-disabled.js';

export const cluster: ContainerDefinition = {
  name: 'cluster',
  summary: 'Commands of cluster mode',
  since: '3.0.0',
  group: 'cluster',
  complexity: 'Depends on subcommand.',
  arity: -2,
  flags: [],
  container: true,
};

export const clusterKeyslot: CommandDefinition = {
  name: 'cluster|keyslot',
  summary: 'Computes the hash slot of a key',
  since: '3.0.0',
  group: 'cluster',
  complexity: 'O(N) where N is the number of bytes in the key',
  arity: 3,
  flags: ['stale'],
  arguments: [{ name: 'key', type: 'string' }],
  run({ args, reply }) {
    reply.integer(slotOf(args.region, args.offset[2]!, args.length[2]!));
  },
};

export const clusterInfo: CommandDefinition = {
  name: 'cluster|info',
  summary: 'Tells the state of the cluster',
  since: '3.0.0',
  group: 'cluster',
  complexity: 'O(1)',
  arity: 2,
  flags: ['stale'],
  tips: ['nondeterministic_output'],
  run: answerDisabled,
};

export const clusterNodes: CommandDefinition = {
  name: 'cluster|nodes',
  summary: 'Tells the nodes of the cluster',
  since: '3.0.0',
  group: 'cluster',
  complexity: 'O(N) where N is the total number of Cluster nodes',
  arity: 2,
  flags: ['stale'],
  tips: ['nondeterministic_output'],
  run: answerDisabled,
};

export const clusterMyid: CommandDefinition = {
  name: 'cluster|myid',
  summary: 'Tells the id of this node',
  since: '3.0.0',
  group: 'cluster',
  complexity: 'O(1)',
  arity: 2,
  flags: ['stale'],
  run: answerDisabled,
};

export const clusterSlots: CommandDefinition = {
  name: 'cluster|slots',
  summary: 'Tells which nodes serve which slots',
  since: '3.0.0',
  group: 'cluster',
  complexity: 'O(N) where N is the total number of Cluster nodes',
  arity: 2,
  flags: ['stale'],
  tips: ['nondeterministic_output'],
  history: [
    ['4.0.0', 'Ids of nodes.'],
    ['7.0.0', 'More about the network of each node.'],
  ],
  deprecatedSince: '7.0.0',
  replacedBy: '`CLUSTER SHARDS`',
  docFlags: ['deprecated'],
  run: answerDisabled,
};

export const clusterShards: CommandDefinition = {
  name: 'cluster|shards',
  summary: 'Tells which nodes make up which shard',
  since: '7.0.0',
  group: 'cluster',
  complexity: 'O(N) where N is the total number of cluster nodes',
  arity: 2,
  flags: ['stale'],
  tips: ['nondeterministic_output'],
  run: answerDisabled,
};

export const clusterHelp: CommandDefinition = {
  name: 'cluster|help',
  summary: 'Lists the subcommands',
  since: '5.0.0',
  group: 'cluster',
  complexity: 'O(1)',
  arity: 2,
  flags: ['loading', 'stale'],
  run: answerDisabled,
};
