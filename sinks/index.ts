/**
 * Where batches go: one connector a file, with the name of what it touches.
 */
export { arrowFileSink } from './arrow-file-sink.js';
export { arrowStreamSink } from './arrow-stream-sink.js';
export { type AvroFileSinkOptions, avroFileSink } from './avro-file-sink.js';
export type { ByteOutput } from './byte-output.js';
export { type BytesFileSinkOptions, bytesFileSink } from './bytes-file-sink.js';
export { type Collected, collect } from './collect.js';
export { type CsvSinkOptions, csvSink } from './csv-sink.js';
export { type DuckdbSinkOptions, duckdbSink } from './duckdb-sink.js';
export type { EncodedFileOptions } from './encoded-file-sink.js';
export { type HttpSinkFormat, type HttpSinkOptions, httpSink } from './http-sink.js';
export { jsonLinesSink } from './json-lines-sink.js';
export type { MessageSinkOptions, TextOrColumn } from './message-encoder.js';
export { type MqttSinkOptions, mqttSink } from './mqtt-sink.js';
export { type MysqlSinkOptions, mysqlSink } from './mysql-sink.js';
export { type NatsJetStreamSinkOptions, natsJetStreamSink } from './nats-jetstream-sink.js';
export type { OutputFileOptions } from './output-file.js';
export { type ParquetFileSinkOptions, parquetFileSink } from './parquet-file-sink.js';
export { type PostgresSinkOptions, postgresSink } from './postgres-sink.js';
export { type RedisStreamSinkOptions, redisStreamSink } from './redis-stream-sink.js';
export type { TransactionalSinkOptions } from './transactional-sink.js';
