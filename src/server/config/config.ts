/** PROVISIONAL, replaced by the config branch. */
const DEFAULTS: Record<string, string> = {
  port: '6379', bind: '* -::*', requirepass: '', 'protected-mode': 'yes', maxclients: '10000', timeout: '0',
  'tcp-keepalive': '300', 'tcp-backlog': '511', databases: '16', maxmemory: '0', 'proto-max-bulk-len': '536870912',
  'slowlog-log-slower-than': '10000', 'latency-monitor-threshold': '0', hz: '10', unixsocket: '', unixsocketperm: '0',
  'client-output-buffer-limit': 'normal 0 0 0', threads: '0', shards: '64', transport: 'auto', 'shard-bytes': String(2 ** 31),
};
export class Config {
  values: Record<string, string> = { ...DEFAULTS };
  static attach(buffer: SharedArrayBuffer): Config {
    const c = new Config();
    const bytes = new Uint8Array(buffer);
    c.values = JSON.parse(Buffer.from(bytes.slice(0, bytes.indexOf(0))).toString());
    return c;
  }
  value(name: string): string { return this.values[name] ?? ''; }
  refresh(): boolean { return false; }
}
