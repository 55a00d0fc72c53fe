/**
 * Where batches come from: one connector a file, with the name of what it touches.
 */
export { type ArrowFileOptions, arrowFile } from './arrow-file.js';
export { type ArrowStreamOptions, arrowStream } from './arrow-stream.js';
export { type AvroFileOptions, avroFile } from './avro-file.js';
export type { BadRowsPolicy } from './bad-rows.js';
export type { ByteInput } from './byte-input.js';
export { type BytesFileOptions, bytesFile } from './bytes-file.js';
export type { ColumnType, ColumnTypes } from './column-type.js';
export type { FileCompression } from './compression.js';
export { type CsvFileOptions, csvFile } from './csv-file.js';
export type {
  DatabaseAddress,
  DatabaseConnection,
  SqlTableName,
} from './database.js';
export { type DirectoryOptions, directory, type FollowOptions } from './directory.js';
export type { DuckdbDatabase } from './duckdb-database.js';
export { type DuckdbOptions, duckdb } from './duckdb-query.js';
export { type FromTableOptions, fromTable } from './from-table.js';
export {
  type HttpArrowOptions,
  type HttpBodyOptions,
  type HttpEventsOptions,
  type HttpLinesOptions,
  http,
} from './http.js';
export type { HttpRequestOptions } from './http-request.js';
export { jsonLines } from './json-lines.js';
export type { KeyedRowsOptions } from './keyed-rows.js';
export type { MessageFormat, MessageOptions } from './message-options.js';
export { type MqttSourceOptions, mqtt } from './mqtt.js';
export type { MqttOptions } from './mqtt-connection.js';
export { type MysqlOptions, mysql } from './mysql.js';
export type { NatsOptions } from './nats-connection.js';
export { type NatsJetStreamOptions, natsJetStream } from './nats-jetstream.js';
export { type ParquetFileOptions, parquetFile } from './parquet-file.js';
export { type PostgresOptions, postgres } from './postgres.js';
export type { RedisOptions } from './redis-connection.js';
export { type RedisStreamOptions, redisStream } from './redis-stream.js';
export type { NumericAs } from './sql-columns.js';
export type { TextInput } from './text-input.js';
export type { TextRowsOptions } from './text-rows.js';
export type { TextFileOptions } from './text-source.js';
