/** What functions need from the platform: its variables, its keys, its Data API and Storage. */

export { callFunction } from "./call.ts";
export { ApiError, Client, type ClientOptions, type StoredFile, TooLargeError } from "./client.ts";
export { type Environment, EnvironmentError, readEnvironment } from "./environment.ts";
export { type Body, problem, readObject, readText, safely, userToken } from "./http.ts";
export { refuseWithoutSecretKey } from "./secret_key.ts";
