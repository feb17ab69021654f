/**
 * The configuration: one JSON object, which the server reads from standard input when it starts.
 *
 * Arguments and environment variables would not do, because other processes of the machine can read them, and the
 * object contains keys and passwords.
 */

export interface Config {
  /** The application's name, and the command that runs the stack, for people. */
  application: string;
  command: string;
  /** The sender of the emails of Auth. */
  sender: Address;
  /** The loopback address to listen on. */
  host: string;
  port: number;
  smtpPort: number;
  /** The logins of the services. Only the one that reads the catalog is a superuser, and it is read-only. */
  databaseUrls: DatabaseUrls;
  publishableKey: string;
  secretKey: string;
  jwtSecret: string;
  /** The folder of the stored files. */
  storageDir: string;
  /** The folder of the received emails. */
  mailDir: string;
  /** The folder of the edge functions. */
  functionsDir: string;
  /** The settings of functions in config.toml. */
  functions: Record<string, FunctionSettings>;
  /** Variables for all functions, in addition to the platform's. */
  functionsEnvironment: Record<string, string>;
  /** Hosts that functions may connect to besides this machine. */
  functionHosts: string[];
  /** How long a function may take to begin its reply. The default is the platform's limit. */
  functionTimeoutMs: number;
  /** The older forms of the two keys: tokens signed with the JWT secret. */
  anonKey: string;
  serviceRoleKey: string;
  /** Deno, which runs the functions, and its cache. */
  denoPath: string;
  denoDir: string;
  /** Where links in emails lead if the request names no other URL. */
  siteUrl: string;
  /** Whether a new account must confirm its address first. Off by default, as in `supabase start`. */
  confirmEmail: boolean;
  /** Whether an old session needs a code before it may set a password. */
  securePasswordChange: boolean;
  /** Whether a change of address must be confirmed from the old address, too. */
  doubleConfirmChanges: boolean;
  /** The lifetime of an access token in seconds. */
  jwtExpiry: number;
  /** Whether people may sign up. The admin API may create accounts in any case. */
  enableSignup: boolean;
  /** Whether people may sign up with an email address. */
  enableEmailSignup: boolean;
  minimumPasswordLength: number;
  /** The lifetime of codes and links in emails, in seconds. */
  otpExpiry: number;
  /** Work factor of new password hashes. */
  bcryptCost: number;
  /** The base URL of this server, for clients. */
  apiUrl: string;
}

/** The name and the address of a sender. */
export interface Address {
  name: string;
  address: string;
}

/** `[functions.<name>]` of config.toml, with absolute paths. */
export interface FunctionSettings {
  verify_jwt: boolean;
  enabled: boolean;
  entrypoint?: string;
  import_map?: string;
}

export interface DatabaseUrls {
  /** Sees all tables and functions, for the schema cache of the Data API. */
  catalog: string;
  /** `authenticator`: may become `anon`, `authenticated` or `service_role`. */
  rest: string;
  /** `supabase_auth_admin`: owns schema `auth`. */
  auth: string;
  /** `supabase_storage_admin`: owns the tables of schema `storage`, and becomes the caller's role. */
  storage: string;
}

/** The configuration cannot be used. The message names the field and never repeats its value. */
export class ConfigError extends Error {
  override name = "ConfigError";
}

const LOOPBACK = new Set(["127.0.0.1", "::1", "localhost"]);

export function parseConfig(text: string): Config {
  let input: unknown;
  try {
    input = JSON.parse(text);
  } catch {
    throw new ConfigError("Standard input must contain one JSON object with the configuration.");
  }
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    throw new ConfigError("The configuration must be a JSON object.");
  }
  const fields = input as Record<string, unknown>;
  const host = string(fields, "host");
  if (!LOOPBACK.has(host)) {
    throw new ConfigError("`host` must be a loopback address: this server is for one machine only.");
  }
  const port = portNumber(fields, "port");
  const jwtSecret = string(fields, "jwt_secret");
  if (jwtSecret.length < 32) throw new ConfigError("`jwt_secret` must have at least 32 characters.");
  return {
    application: string(fields, "application"),
    command: string(fields, "command"),
    sender: address(fields, "sender"),
    host,
    port,
    smtpPort: portNumber(fields, "smtp_port"),
    databaseUrls: databaseUrls(string(fields, "db_url"), string(fields, "authenticator_db_url")),
    publishableKey: prefixed(fields, "publishable_key", "sb_publishable_"),
    secretKey: prefixed(fields, "secret_key", "sb_secret_"),
    jwtSecret,
    storageDir: string(fields, "storage_dir"),
    mailDir: string(fields, "mail_dir"),
    functionsDir: string(fields, "functions_dir"),
    functions: record(fields, "functions", (value) => typeof value === "object") as Config["functions"],
    functionsEnvironment: record(fields, "functions_environment", isText) as Record<string, string>,
    functionHosts: texts(fields, "function_hosts"),
    functionTimeoutMs: fields.function_timeout_ms === undefined
      ? 150_000
      : integer(fields, "function_timeout_ms", 1, 400_000),
    anonKey: string(fields, "anon_key"),
    serviceRoleKey: string(fields, "service_role_key"),
    denoPath: string(fields, "deno_path"),
    denoDir: string(fields, "deno_dir"),
    siteUrl: string(fields, "site_url"),
    confirmEmail: fields.confirm_email === undefined ? false : boolean(fields, "confirm_email"),
    securePasswordChange: fields.secure_password_change === undefined
      ? false
      : boolean(fields, "secure_password_change"),
    jwtExpiry: fields.jwt_expiry === undefined ? 3600 : integer(fields, "jwt_expiry", 1, 604_800),
    enableSignup: fields.enable_signup === undefined ? true : boolean(fields, "enable_signup"),
    enableEmailSignup: fields.enable_email_signup === undefined
      ? true
      : boolean(fields, "enable_email_signup"),
    minimumPasswordLength: fields.minimum_password_length === undefined
      ? 6
      : integer(fields, "minimum_password_length", 6, 72),
    otpExpiry: fields.otp_expiry === undefined ? 3600 : integer(fields, "otp_expiry", 1, 86_400),
    doubleConfirmChanges: fields.double_confirm_changes === undefined
      ? true
      : boolean(fields, "double_confirm_changes"),
    bcryptCost: fields.bcrypt_cost === undefined ? 10 : integer(fields, "bcrypt_cost", 4, 15),
    apiUrl: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
  };
}

/** The services' roles share a password, so the URL of `authenticator` gives those of the others. */
function databaseUrls(superuser: string, authenticator: string): DatabaseUrls {
  const login = (name: string) => {
    const url = URL.parse(authenticator);
    if (!url) {
      throw new ConfigError("`authenticator_db_url` must be a URL such as postgresql://user@host/database.");
    }
    url.username = name;
    return url.href;
  };
  return {
    catalog: superuser,
    rest: authenticator,
    auth: login("supabase_auth_admin"),
    storage: login("supabase_storage_admin"),
  };
}

function string(fields: Record<string, unknown>, name: string): string {
  const value = fields[name];
  if (typeof value !== "string" || value === "") {
    throw new ConfigError(`\`${name}\` must be a string that is not empty.`);
  }
  return value;
}

function address(fields: Record<string, unknown>, name: string): Address {
  const parts = /^([^<>]+) <([^<>@ ]+@[^<>@ ]+)>$/.exec(string(fields, name));
  if (!parts) {
    throw new ConfigError(`\`${name}\` must be a name and an address, such as Ada <ada@example.org>.`);
  }
  return { name: parts[1], address: parts[2] };
}

function prefixed(fields: Record<string, unknown>, name: string, prefix: string): string {
  const value = string(fields, name);
  if (!value.startsWith(prefix)) throw new ConfigError(`\`${name}\` must begin with \`${prefix}\`.`);
  return value;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function record(
  fields: Record<string, unknown>,
  name: string,
  fits: (value: unknown) => boolean,
): Record<string, unknown> {
  const value = fields[name];
  if (
    typeof value !== "object" || value === null || Array.isArray(value) || !Object.values(value).every(fits)
  ) {
    throw new ConfigError(`\`${name}\` must be an object with values of the right type.`);
  }
  return value as Record<string, unknown>;
}

function texts(fields: Record<string, unknown>, name: string): string[] {
  const value = fields[name];
  if (!Array.isArray(value) || !value.every(isText)) {
    throw new ConfigError(`\`${name}\` must be a list of strings.`);
  }
  return value;
}

function boolean(fields: Record<string, unknown>, name: string): boolean {
  const value = fields[name];
  if (typeof value !== "boolean") throw new ConfigError(`\`${name}\` must be true or false.`);
  return value;
}

function integer(fields: Record<string, unknown>, name: string, min: number, max: number): number {
  const value = fields[name];
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
    throw new ConfigError(`\`${name}\` must be a whole number from ${min} to ${max}.`);
  }
  return value;
}

function portNumber(fields: Record<string, unknown>, name: string): number {
  return integer(fields, name, 1, 65535);
}
