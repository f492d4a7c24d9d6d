// A partner that reads one organisation's events with amqplib and no code of Portico.
//
//   npm install amqplib
//   node subscriber.mjs --uri amqp://… --organisation harbor             live, from its queue
//   node subscriber.mjs --uri amqp://… --organisation harbor --replay    again, from the beginning of the stream
//
// Prints one CloudEvent a line. Delivery is at least once, so an event whose id was seen is left out.
import { parseArgs } from "node:util";
import amqp from "amqplib";

const { values } = parseArgs({
  options: {
    uri: { type: "string" },
    organisation: { type: "string" },
    replay: { type: "boolean", default: false },
    count: { type: "string", default: "Infinity" },
  },
});
const user = decodeURIComponent(new URL(values.uri).username);
const seen = new Set(); // a real system keeps these ids beside what it makes of the events

const connection = await amqp.connect(values.uri);
const channel = await connection.createChannel();
await channel.prefetch(100); // a stream demands it
const queue = values.replay ? `feed.${values.organisation}` : `${user}.events`;
const how = values.replay ? { arguments: { "x-stream-offset": "first" } } : {};

await channel.consume(
  queue,
  async (message) => {
    if (message === null) throw new Error("the access was ended");
    const id = message.properties.headers["cloudEvents:id"];
    if (!seen.has(id)) {
      seen.add(id);
      console.log(JSON.stringify(JSON.parse(message.content.toString())));
    }
    channel.ack(message); // after the event is dealt with, not before
    if (seen.size >= Number(values.count)) await connection.close();
  },
  how,
);
console.error("listening");
