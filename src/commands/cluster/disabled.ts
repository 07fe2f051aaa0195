/**
 * The subcommands of CLUSTER that are about nodes and slots. There is no cluster here: they are known, so
 * that rules of users may name them and their arguments are counted, and say what a Redis without cluster
 * mode says.
 */
import type { ArgumentSpecification, CommandDefinition } from '../contract/definition.js';
import { answerDisabled } from './lib/answer-disabled.js';

const DISABLED = {
  since: '3.0.0',
  group: 'cluster',
  complexity: 'O(1)',
  flags: ['admin', 'stale', 'no_async_loading'],
  run: answerDisabled,
} satisfies Partial<CommandDefinition>;

const READS: Partial<CommandDefinition> = {
  flags: ['admin', 'stale'],
  tips: ['nondeterministic_output'],
};
const PER_SLOT = 'O(N) where N is the total number of hash slot arguments';
const PER_RANGE =
  'O(N) where N is the total number of the slots between the start slot and end slot arguments.';

const node: ArgumentSpecification = { name: 'node-id', type: 'string' };
const slot: ArgumentSpecification = { name: 'slot', type: 'integer' };
const slots: ArgumentSpecification = { ...slot, flags: ['multiple'] };
const ranges: readonly ArgumentSpecification[] = [
  {
    name: 'start-slot_end-slot',
    type: 'block',
    flags: ['multiple'],
    arguments: [
      { name: 'start-slot', type: 'integer' },
      { name: 'end-slot', type: 'integer' },
    ],
  },
];

export const clusterAddslots: CommandDefinition = {
  ...DISABLED,
  name: 'cluster|addslots',
  summary: 'Gives slots to this node',
  complexity: PER_SLOT,
  arity: -3,
  arguments: [slots],
};

export const clusterAddslotsrange: CommandDefinition = {
  ...DISABLED,
  name: 'cluster|addslotsrange',
  summary: 'Gives ranges of slots to this node',
  since: '7.0.0',
  complexity: PER_RANGE,
  arity: -4,
  arguments: ranges,
};

export const clusterBumpepoch: CommandDefinition = {
  ...DISABLED,
  name: 'cluster|bumpepoch',
  summary: 'Raises the epoch of the configuration',
  arity: 2,
  tips: ['nondeterministic_output'],
};

export const clusterCountFailureReports: CommandDefinition = {
  ...DISABLED,
  ...READS,
  name: 'cluster|count-failure-reports',
  summary: 'Counts the reports that a node has failed',
  complexity: 'O(N) where N is the number of failure reports',
  arity: 3,
  arguments: [node],
};

export const clusterCountkeysinslot: CommandDefinition = {
  ...DISABLED,
  name: 'cluster|countkeysinslot',
  summary: 'Counts the keys of a slot on this node',
  arity: 3,
  flags: ['stale'],
  arguments: [slot],
};

export const clusterDelslots: CommandDefinition = {
  ...DISABLED,
  name: 'cluster|delslots',
  summary: 'Takes slots from this node',
  complexity: PER_SLOT,
  arity: -3,
  arguments: [slots],
};

export const clusterDelslotsrange: CommandDefinition = {
  ...DISABLED,
  name: 'cluster|delslotsrange',
  summary: 'Takes ranges of slots from this node',
  since: '7.0.0',
  complexity: PER_RANGE,
  arity: -4,
  arguments: ranges,
};

export const clusterFailover: CommandDefinition = {
  ...DISABLED,
  name: 'cluster|failover',
  summary: 'Has a replica take the place of its primary',
  arity: -2,
  arguments: [
    {
      name: 'options',
      type: 'oneof',
      flags: ['optional'],
      arguments: [
        { name: 'force', type: 'pure-token', token: 'FORCE' },
        { name: 'takeover', type: 'pure-token', token: 'TAKEOVER' },
      ],
    },
  ],
};

export const clusterFlushslots: CommandDefinition = {
  ...DISABLED,
  name: 'cluster|flushslots',
  summary: 'Takes all slots from this node',
  arity: 2,
};

export const clusterForget: CommandDefinition = {
  ...DISABLED,
  name: 'cluster|forget',
  summary: 'Takes a node off the list of nodes',
  arity: 3,
  arguments: [node],
};

export const clusterGetkeysinslot: CommandDefinition = {
  ...DISABLED,
  name: 'cluster|getkeysinslot',
  summary: 'Tells keys of a slot on this node',
  complexity: 'O(log(N)) where N is the number of requested keys',
  arity: 4,
  flags: ['stale'],
  tips: ['nondeterministic_output'],
  arguments: [slot, { name: 'count', type: 'integer' }],
};

export const clusterLinks: CommandDefinition = {
  ...DISABLED,
  name: 'cluster|links',
  summary: 'Tells the connections between this node and others',
  since: '7.0.0',
  complexity: 'O(N) where N is the total number of Cluster nodes',
  arity: 2,
  flags: ['stale'],
  tips: ['nondeterministic_output'],
};

export const clusterMeet: CommandDefinition = {
  ...DISABLED,
  name: 'cluster|meet',
  summary: 'Makes another node known to this one',
  arity: -4,
  history: [['4.0.0', 'The port of the cluster bus.']],
  arguments: [
    { name: 'ip', type: 'string' },
    { name: 'port', type: 'integer' },
    { name: 'cluster_bus_port', type: 'integer', since: '4.0.0', flags: ['optional'] },
  ],
};

export const clusterReplicas: CommandDefinition = {
  ...DISABLED,
  ...READS,
  name: 'cluster|replicas',
  summary: 'Tells the replicas of a node',
  since: '5.0.0',
  arity: 3,
  arguments: [node],
};

export const clusterReplicate: CommandDefinition = {
  ...DISABLED,
  name: 'cluster|replicate',
  summary: 'Makes this node the replica of another',
  arity: 3,
  arguments: [node],
};

export const clusterReset: CommandDefinition = {
  ...DISABLED,
  name: 'cluster|reset',
  summary: 'Has this node leave the cluster',
  complexity:
    'O(N) where N is the number of known nodes. The command may execute a FLUSHALL as a side effect.',
  arity: -2,
  flags: ['admin', 'noscript', 'stale'],
  arguments: [
    {
      name: 'hard_soft',
      type: 'oneof',
      flags: ['optional'],
      arguments: [
        { name: 'hard', type: 'pure-token', token: 'HARD' },
        { name: 'soft', type: 'pure-token', token: 'SOFT' },
      ],
    },
  ],
};

export const clusterSaveconfig: CommandDefinition = {
  ...DISABLED,
  name: 'cluster|saveconfig',
  summary: 'Saves what this node knows of the cluster',
  arity: 2,
};

export const clusterSetConfigEpoch: CommandDefinition = {
  ...DISABLED,
  name: 'cluster|set-config-epoch',
  summary: 'Sets the epoch of the configuration of a new node',
  arity: 3,
  arguments: [{ name: 'config-epoch', type: 'integer' }],
};

export const clusterSetslot: CommandDefinition = {
  ...DISABLED,
  name: 'cluster|setslot',
  summary: 'Says which node has a slot, or is to get it',
  arity: -4,
  arguments: [
    slot,
    {
      name: 'subcommand',
      type: 'oneof',
      arguments: [
        { ...node, token: 'IMPORTING' },
        { ...node, token: 'MIGRATING' },
        { ...node, token: 'NODE' },
        { name: 'stable', type: 'pure-token', token: 'STABLE' },
      ],
    },
  ],
};

export const clusterSlaves: CommandDefinition = {
  ...DISABLED,
  ...READS,
  name: 'cluster|slaves',
  summary: 'Tells the replicas of a node',
  arity: 3,
  deprecatedSince: '5.0.0',
  replacedBy: '`CLUSTER REPLICAS`',
  docFlags: ['deprecated'],
  arguments: [node],
};
