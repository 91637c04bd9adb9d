import { openDenoSocket } from "../../src/net/deno_socket.ts";
import { testDatagramSocket } from "./socket_conformance.ts";

testDatagramSocket("Portable socket", openDenoSocket);
