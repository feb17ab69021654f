/** What functions need from the platform: its variables, its keys, its Data API and Storage. */

export { ApiError, Client, type ClientOptions, TooLargeError } from "./client.ts";
export { type Environment, EnvironmentError, readEnvironment } from "./environment.ts";
export { problem, userToken } from "./http.ts";
export { refuseWithoutSecretKey } from "./secret_key.ts";
