/**
 * Where batches come from: one connector a file, with the name of what it touches.
 */
export { type ArrowFileOptions, arrowFile } from './arrow-file.js';
export { type ArrowStreamOptions, arrowStream } from './arrow-stream.js';
export type { BadRowsPolicy } from './bad-rows.js';
export type { ByteInput } from './byte-input.js';
export { type BytesFileOptions, bytesFile } from './bytes-file.js';
export type { ColumnType, ColumnTypes } from './column-type.js';
export { type CsvFileOptions, csvFile } from './csv-file.js';
export { type FromTableOptions, fromTable } from './from-table.js';
export { jsonLines } from './json-lines.js';
export type { MessageFormat, MessageOptions } from './message-options.js';
export { type MqttSourceOptions, mqtt } from './mqtt.js';
export type { MqttOptions } from './mqtt-connection.js';
export type { NatsOptions } from './nats-connection.js';
export { type NatsJetStreamOptions, natsJetStream } from './nats-jetstream.js';
export type { RedisOptions } from './redis-connection.js';
export { type RedisStreamOptions, redisStream } from './redis-stream.js';
export type { TextInput } from './text-input.js';
export type { TextRowsOptions } from './text-rows.js';
