/** A replica's link to the server that it follows, as the rest of replication sees it. */
import type { HostAndPort } from '../../../commands/contract/replication-port.js';
import type { DataHistory } from '../../../replication/replica/replica-state.js';
import type { LinkStatus } from '../../channel/replication.js';
import type { ControlClient } from './resp-client.js';

export interface UpstreamLink {
  readonly primary: HostAndPort;
  readonly status: LinkStatus;
  /** In stable sync. */
  readonly online: boolean;
  /** A full sync is under way: nobody may see the data. */
  readonly loading: boolean;
  /** The run ids of the primary, its primary, and so on; empty when they are not known. */
  readonly chain: readonly string[];
  /** Of the primary, '' when it is not known, or when it has none that takes part in takeovers. */
  readonly primaryRunId: string;
  readonly receivedBytes: number;
  /** Over which the primary can be asked something, while there is one. */
  readonly control: ControlClient | null;
  /** Whether the data is whole and has everything up to these LSNs of the primary's journals. */
  hasApplied(heads: readonly number[]): boolean;
  /** Cuts the connection that is this client; another attempt follows. */
  kill(clientId: number, why: string): void;
  /** Ends the link. @returns the history that the data has, null when it is in pieces */
  end(): Promise<DataHistory | null>;
}
