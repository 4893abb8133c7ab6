/**
 * Every enumeration and bit mask of KMIP 1.0 to 2.1 (KMIP 1.4 §9.1.3.2 and §9.1.3.3, KMIP 2.1 §11).
 *
 * A row holds the value, the first version that has it when that is not 1.0, and the last version when a later
 * one withdrew it; versions are written 10 for 1.0 … 21 for 2.1. Keys are the CamelCase names of KMIP Additional
 * Message Encodings 1.0 §6.1.3. Profile names, a list of their own length, stand in `profile-names.ts`.
 * Opaque Data Type has no values of its own, only extensions (0x8…).
 */
import { profileNameTable } from './profile-names.ts';

export type EnumerationRow = readonly [value: number, since?: number, until?: number];
export type EnumerationRows = Readonly<Record<string, EnumerationRow>>;

export const enumerationTable = {
  AdjustmentType: {
    Increment: [1, 20],
    Decrement: [2, 20],
    Negate: [3, 20],
  },
  AlternativeNameType: {
    UninterpretedTextString: [1, 12],
    URI: [2, 12],
    ObjectSerialNumber: [3, 12],
    EmailAddress: [4, 12],
    DNSName: [5, 12],
    X_500DistinguishedName: [6, 12],
    IPAddress: [7, 12],
  },
  AsynchronousIndicator: {
    Mandatory: [1, 20],
    Optional: [2, 20],
    Prohibited: [3, 20],
  },
  AttestationType: {
    TPMQuote: [1, 12],
    TCGIntegrityReport: [2, 12],
    SAMLAssertion: [3, 12],
  },
  BatchErrorContinuationOption: {
    Continue: [1],
    Stop: [2],
    Undo: [3],
  },
  BlockCipherMode: {
    CBC: [1],
    ECB: [2],
    PCBC: [3],
    CFB: [4],
    OFB: [5],
    CTR: [6],
    CMAC: [7],
    CCM: [8],
    GCM: [9],
    CBC_MAC: [10],
    XTS: [11],
    AESKeyWrapPadding: [12],
    NISTKeyWrap: [13],
    X9_102AESKW: [14],
    X9_102TDKW: [15],
    X9_102AKW1: [16],
    X9_102AKW2: [17],
    AEAD: [18, 14],
  },
  CancellationResult: {
    Canceled: [1],
    UnableToCancel: [2],
    Completed: [3],
    Failed: [4],
    Unavailable: [5],
  },
  CertificateRequestType: {
    CRMF: [1],
    PKCS_10: [2],
    PEM: [3],
    PGP: [4, 10, 11],
  },
  CertificateType: {
    X_509: [1],
    PGP: [2],
  },
  ClientRegistrationMethod: {
    Unspecified: [1, 13],
    ServerPreGenerated: [2, 13],
    ServerOnDemand: [3, 13],
    ClientGenerated: [4, 13],
    ClientRegistered: [5, 13],
  },
  CredentialType: {
    UsernameAndPassword: [1],
    Device: [2, 11],
    Attestation: [3, 12],
    OneTimePassword: [4, 20],
    HashedPassword: [5, 20],
    Ticket: [6, 20],
  },
  CryptographicAlgorithm: {
    DES: [1],
    DES3: [2],
    AES: [3],
    RSA: [4],
    DSA: [5],
    ECDSA: [6],
    HMAC_SHA1: [7],
    HMAC_SHA224: [8],
    HMAC_SHA256: [9],
    HMAC_SHA384: [10],
    HMAC_SHA512: [11],
    HMAC_MD5: [12],
    DH: [13],
    ECDH: [14],
    ECMQV: [15],
    Blowfish: [16],
    Camellia: [17],
    CAST5: [18],
    IDEA: [19],
    MARS: [20],
    RC2: [21],
    RC4: [22],
    RC5: [23],
    SKIPJACK: [24],
    Twofish: [25],
    EC: [26, 12],
    OneTimePad: [27, 13],
    ChaCha20: [28, 14],
    Poly1305: [29, 14],
    ChaCha20Poly1305: [30, 14],
    SHA3_224: [31, 14],
    SHA3_256: [32, 14],
    SHA3_384: [33, 14],
    SHA3_512: [34, 14],
    HMAC_SHA3_224: [35, 14],
    HMAC_SHA3_256: [36, 14],
    HMAC_SHA3_384: [37, 14],
    HMAC_SHA3_512: [38, 14],
    SHAKE_128: [39, 14],
    SHAKE_256: [40, 14],
    ARIA: [41, 20],
    SEED: [42, 20],
    SM2: [43, 20],
    SM3: [44, 20],
    SM4: [45, 20],
    GOSTR34_10_2012: [46, 20],
    GOSTR34_11_2012: [47, 20],
    GOSTR34_13_2015: [48, 20],
    GOST28147_89: [49, 20],
    XMSS: [50, 20],
    SPHINCS_256: [51, 20],
    McEliece: [52, 20],
    McEliece_6960119: [53, 20],
    McEliece_8192128: [54, 20],
    Ed25519: [55, 20],
    Ed448: [56, 20],
  },
  DRBGAlgorithm: {
    Unspecified: [1, 13],
    Dual_EC: [2, 13],
    Hash: [3, 13],
    HMAC: [4, 13],
    CTR: [5, 13],
  },
  Data: {
    Decrypt: [1, 20],
    Encrypt: [2, 20],
    Hash: [3, 20],
    MACMACData: [4, 20],
    RNGRetrieve: [5, 20],
    SignSignatureData: [6, 20],
    SignatureVerify: [7, 20],
  },
  DerivationMethod: {
    PBKDF2: [1],
    HASH: [2],
    HMAC: [3],
    ENCRYPT: [4],
    NIST800_108_C: [5],
    NIST800_108_F: [6],
    NIST800_108_DPI: [7],
    AsymmetricKey: [8, 14],
    AWSSignatureVersion4: [9, 20],
    HKDF: [10, 20],
  },
  DestroyAction: {
    Unspecified: [1, 13],
    KeyMaterialDeleted: [2, 13],
    KeyMaterialShredded: [3, 13],
    MetaDataDeleted: [4, 13],
    MetaDataShredded: [5, 13],
    Deleted: [6, 13],
    Shredded: [7, 13],
  },
  DigitalSignatureAlgorithm: {
    MD2WithRSAEncryption: [1, 11],
    MD5WithRSAEncryption: [2, 11],
    SHA_1WithRSAEncryption: [3, 11],
    SHA_224WithRSAEncryption: [4, 11],
    SHA_256WithRSAEncryption: [5, 11],
    SHA_384WithRSAEncryption: [6, 11],
    SHA_512WithRSAEncryption: [7, 11],
    RSASSA_PSS: [8, 11],
    DSAWithSHA_1: [9, 11],
    DSAWithSHA224: [10, 11],
    DSAWithSHA256: [11, 11],
    ECDSAWithSHA_1: [12, 11],
    ECDSAWithSHA224: [13, 11],
    ECDSAWithSHA256: [14, 11],
    ECDSAWithSHA384: [15, 11],
    ECDSAWithSHA512: [16, 11],
    SHA3_256WithRSAEncryption: [17, 14],
    SHA3_384WithRSAEncryption: [18, 14],
    SHA3_512WithRSAEncryption: [19, 14],
  },
  EncodingOption: {
    NoEncoding: [1, 11],
    TTLVEncoding: [2, 11],
  },
  EndpointRole: {
    Client: [1, 20],
    Server: [2, 20],
  },
  FIPS186Variation: {
    Unspecified: [1, 13],
    GPXOriginal: [2, 13],
    GPXChangeNotice: [3, 13],
    XOriginal: [4, 13],
    XChangeNotice: [5, 13],
    KOriginal: [6, 13],
    KChangeNotice: [7, 13],
  },
  HashingAlgorithm: {
    MD2: [1],
    MD4: [2],
    MD5: [3],
    SHA_1: [4],
    SHA_224: [5],
    SHA_256: [6],
    SHA_384: [7],
    SHA_512: [8],
    RIPEMD_160: [9],
    Tiger: [10],
    Whirlpool: [11],
    SHA_512_224: [12, 12],
    SHA_512_256: [13, 12],
    SHA3_224: [14, 14],
    SHA3_256: [15, 14],
    SHA3_384: [16, 14],
    SHA3_512: [17, 14],
  },
  InteropFunction: {
    Begin: [1, 20],
    End: [2, 20],
    Reset: [3, 20],
  },
  ItemType: {
    Structure: [1, 20],
    Integer: [2, 20],
    LongInteger: [3, 20],
    BigInteger: [4, 20],
    Enumeration: [5, 20],
    Boolean: [6, 20],
    TextString: [7, 20],
    ByteString: [8, 20],
    DateTime: [9, 20],
    Interval: [10, 20],
    DateTimeExtended: [11, 20],
  },
  KeyCompressionType: {
    ECPublicKeyTypeUncompressed: [1],
    ECPublicKeyTypeX9_62CompressedPrime: [2],
    ECPublicKeyTypeX9_62CompressedChar2: [3],
    ECPublicKeyTypeX9_62Hybrid: [4],
  },
  KeyFormatType: {
    Raw: [1],
    Opaque: [2],
    PKCS_1: [3],
    PKCS_8: [4],
    X_509: [5],
    ECPrivateKey: [6],
    TransparentSymmetricKey: [7],
    TransparentDSAPrivateKey: [8],
    TransparentDSAPublicKey: [9],
    TransparentRSAPrivateKey: [10],
    TransparentRSAPublicKey: [11],
    TransparentDHPrivateKey: [12],
    TransparentDHPublicKey: [13],
    TransparentECDSAPrivateKey: [14, 10, 12],
    TransparentECDSAPublicKey: [15, 10, 12],
    TransparentECDHPrivateKey: [16, 10, 12],
    TransparentECDHPublicKey: [17, 10, 12],
    TransparentECMQVPrivateKey: [18, 10, 12],
    TransparentECMQVPublicKey: [19, 10, 12],
    TransparentECPrivateKey: [20, 13],
    TransparentECPublicKey: [21, 13],
    PKCS_12: [22, 14],
    PKCS_10: [23, 20],
  },
  KeyRoleType: {
    BDK: [1],
    CVK: [2],
    DEK: [3],
    MKAC: [4],
    MKSMC: [5],
    MKSMI: [6],
    MKDAC: [7],
    MKDN: [8],
    MKCP: [9],
    MKOTH: [10],
    KEK: [11],
    MAC16609: [12],
    MAC97971: [13],
    MAC97972: [14],
    MAC97973: [15],
    MAC97974: [16],
    MAC97975: [17],
    ZPK: [18],
    PVKIBM: [19],
    PVKPVV: [20],
    PVKOTH: [21],
    DUKPT: [22, 14],
    IV: [23, 14],
    TRKBK: [24, 14],
  },
  KeyValueLocationType: {
    UninterpretedTextString: [1, 12],
    URI: [2, 12],
  },
  KeyWrapType: {
    NotWrapped: [1, 14],
    AsRegistered: [2, 14],
  },
  LinkType: {
    CertificateLink: [257],
    PublicKeyLink: [258],
    PrivateKeyLink: [259],
    DerivationBaseObjectLink: [260],
    DerivedKeyLink: [261],
    ReplacementObjectLink: [262],
    ReplacedObjectLink: [263],
    ParentLink: [264, 12],
    ChildLink: [265, 12],
    PreviousLink: [266, 12],
    NextLink: [267, 12],
    PKCS_12CertificateLink: [268, 14],
    PKCS_12PasswordLink: [269, 14],
    WrappingKeyLink: [270, 20],
  },
  MaskGenerator: {
    MGF1: [1, 14],
  },
  NISTKeyType: {
    PrivateSignatureKey: [1, 20],
    PublicSignatureVerificationKey: [2, 20],
    SymmetricAuthenticationKey: [3, 20],
    PrivateAuthenticationKey: [4, 20],
    PublicAuthenticationKey: [5, 20],
    SymmetricDataEncryptionKey: [6, 20],
    SymmetricKeyWrappingKey: [7, 20],
    SymmetricRandomNumberGenerationKey: [8, 20],
    SymmetricMasterKey: [9, 20],
    PrivateKeyTransportKey: [10, 20],
    PublicKeyTransportKey: [11, 20],
    SymmetricKeyAgreementKey: [12, 20],
    PrivateStaticKeyAgreementKey: [13, 20],
    PublicStaticKeyAgreementKey: [14, 20],
    PrivateEphemeralKeyAgreementKey: [15, 20],
    PublicEphemeralKeyAgreementKey: [16, 20],
    SymmetricAuthorizationKey: [17, 20],
    PrivateAuthorizationKey: [18, 20],
    PublicAuthorizationKey: [19, 20],
  },
  NameType: {
    UninterpretedTextString: [1],
    URI: [2],
  },
  ObjectGroupMember: {
    GroupMemberFresh: [1, 11],
    GroupMemberDefault: [2, 11],
  },
  ObjectType: {
    Certificate: [1],
    SymmetricKey: [2],
    PublicKey: [3],
    PrivateKey: [4],
    SplitKey: [5],
    Template: [6, 10, 12],
    SecretData: [7],
    OpaqueObject: [8],
    PGPKey: [9, 12],
    CertificateRequest: [10, 20],
  },
  OpaqueDataType: {},
  Operation: {
    Create: [1],
    CreateKeyPair: [2],
    Register: [3],
    ReKey: [4],
    DeriveKey: [5],
    Certify: [6],
    ReCertify: [7],
    Locate: [8],
    Check: [9],
    Get: [10],
    GetAttributes: [11],
    GetAttributeList: [12],
    AddAttribute: [13],
    ModifyAttribute: [14],
    DeleteAttribute: [15],
    ObtainLease: [16],
    GetUsageAllocation: [17],
    Activate: [18],
    Revoke: [19],
    Destroy: [20],
    Archive: [21],
    Recover: [22],
    Validate: [23],
    Query: [24],
    Cancel: [25],
    Poll: [26],
    Notify: [27],
    Put: [28],
    ReKeyKeyPair: [29, 11],
    DiscoverVersions: [30, 11],
    Encrypt: [31, 12],
    Decrypt: [32, 12],
    Sign: [33, 12],
    SignatureVerify: [34, 12],
    MAC: [35, 12],
    MACVerify: [36, 12],
    RNGRetrieve: [37, 12],
    RNGSeed: [38, 12],
    Hash: [39, 12],
    CreateSplitKey: [40, 12],
    JoinSplitKey: [41, 12],
    Import: [42, 14],
    Export: [43, 14],
    Log: [44, 20],
    Login: [45, 20],
    Logout: [46, 20],
    DelegatedLogin: [47, 20],
    AdjustAttribute: [48, 20],
    SetAttribute: [49, 20],
    SetEndpointRole: [50, 20],
    PKCS_11: [51, 20],
    Interop: [52, 20],
    ReProvision: [53, 20],
    SetDefaults: [54, 21],
    SetConstraints: [55, 21],
    GetConstraints: [56, 21],
    QueryAsynchronousRequests: [57, 21],
    Process: [58, 21],
    Ping: [59, 21],
  },
  PaddingMethod: {
    None: [1],
    OAEP: [2],
    PKCS5: [3],
    SSL3: [4],
    Zeros: [5],
    ANSIX9_23: [6],
    ISO10126: [7],
    PKCS1V1_5: [8],
    X9_31: [9],
    PSS: [10],
  },
  ProcessingStage: {
    Submitted: [1, 21],
    InProcess: [2, 21],
    Completed: [3, 21],
  },
  ProfileName: profileNameTable,
  ProtectionLevel: {
    High: [1, 20],
    Low: [2, 20],
  },
  PutFunction: {
    New: [1],
    Replace: [2],
  },
  QueryFunction: {
    QueryOperations: [1],
    QueryObjects: [2],
    QueryServerInformation: [3],
    QueryApplicationNamespaces: [4],
    QueryExtensionList: [5, 11],
    QueryExtensionMap: [6, 11],
    QueryAttestationTypes: [7, 12],
    QueryRNGs: [8, 13],
    QueryValidations: [9, 13],
    QueryProfiles: [10, 13],
    QueryCapabilities: [11, 13],
    QueryClientRegistrationMethods: [12, 13],
    QueryDefaultsInformation: [13, 20],
    QueryStorageProtectionMasks: [14, 20],
  },
  RNGAlgorithm: {
    Unspecified: [1, 13],
    FIPS186_2: [2, 13],
    DRBG: [3, 13],
    NRBG: [4, 13],
    ANSIX9_31: [5, 13],
    ANSIX9_62: [6, 13],
  },
  RNGMode: {
    Unspecified: [1, 13],
    SharedInstantiation: [2, 13],
    NonSharedInstantiation: [3, 13],
  },
  RecommendedCurve: {
    P_192: [1],
    K_163: [2],
    B_163: [3],
    P_224: [4],
    K_233: [5],
    B_233: [6],
    P_256: [7],
    K_283: [8],
    B_283: [9],
    P_384: [10],
    K_409: [11],
    B_409: [12],
    P_521: [13],
    K_571: [14],
    B_571: [15],
    SECP112R1: [16, 12],
    SECP112R2: [17, 12],
    SECP128R1: [18, 12],
    SECP128R2: [19, 12],
    SECP160K1: [20, 12],
    SECP160R1: [21, 12],
    SECP160R2: [22, 12],
    SECP192K1: [23, 12],
    SECP224K1: [24, 12],
    SECP256K1: [25, 12],
    SECT113R1: [26, 12],
    SECT113R2: [27, 12],
    SECT131R1: [28, 12],
    SECT131R2: [29, 12],
    SECT163R1: [30, 12],
    SECT193R1: [31, 12],
    SECT193R2: [32, 12],
    SECT239K1: [33, 12],
    ANSIX9P192V2: [34, 12],
    ANSIX9P192V3: [35, 12],
    ANSIX9P239V1: [36, 12],
    ANSIX9P239V2: [37, 12],
    ANSIX9P239V3: [38, 12],
    ANSIX9C2PNB163V1: [39, 12],
    ANSIX9C2PNB163V2: [40, 12],
    ANSIX9C2PNB163V3: [41, 12],
    ANSIX9C2PNB176V1: [42, 12],
    ANSIX9C2TNB191V1: [43, 12],
    ANSIX9C2TNB191V2: [44, 12],
    ANSIX9C2TNB191V3: [45, 12],
    ANSIX9C2PNB208W1: [46, 12],
    ANSIX9C2TNB239V1: [47, 12],
    ANSIX9C2TNB239V2: [48, 12],
    ANSIX9C2TNB239V3: [49, 12],
    ANSIX9C2PNB272W1: [50, 12],
    ANSIX9C2PNB304W1: [51, 12],
    ANSIX9C2TNB359V1: [52, 12],
    ANSIX9C2PNB368W1: [53, 12],
    ANSIX9C2TNB431R1: [54, 12],
    BRAINPOOLP160R1: [55, 12],
    BRAINPOOLP160T1: [56, 12],
    BRAINPOOLP192R1: [57, 12],
    BRAINPOOLP192T1: [58, 12],
    BRAINPOOLP224R1: [59, 12],
    BRAINPOOLP224T1: [60, 12],
    BRAINPOOLP256R1: [61, 12],
    BRAINPOOLP256T1: [62, 12],
    BRAINPOOLP320R1: [63, 12],
    BRAINPOOLP320T1: [64, 12],
    BRAINPOOLP384R1: [65, 12],
    BRAINPOOLP384T1: [66, 12],
    BRAINPOOLP512R1: [67, 12],
    BRAINPOOLP512T1: [68, 12],
    CURVE25519: [69, 20],
    CURVE448: [70, 20],
  },
  ResultReason: {
    ItemNotFound: [1],
    ResponseTooLarge: [2],
    AuthenticationNotSuccessful: [3],
    InvalidMessage: [4],
    OperationNotSupported: [5],
    MissingData: [6],
    InvalidField: [7],
    FeatureNotSupported: [8],
    OperationCanceledByRequester: [9],
    CryptographicFailure: [10],
    IllegalOperation: [11, 10, 14],
    PermissionDenied: [12],
    ObjectArchived: [13],
    IndexOutOfBounds: [14, 10, 14],
    ApplicationNamespaceNotSupported: [15],
    KeyFormatTypeNotSupported: [16],
    KeyCompressionTypeNotSupported: [17],
    EncodingOptionError: [18, 11],
    KeyValueNotPresent: [19, 12],
    AttestationRequired: [20, 12],
    AttestationFailed: [21, 12],
    Sensitive: [22, 14],
    NotExtractable: [23, 14],
    ObjectAlreadyExists: [24, 14],
    InvalidTicket: [25, 20],
    UsageLimitExceeded: [26, 20],
    NumericRange: [27, 20],
    InvalidDataType: [28, 20],
    ReadOnlyAttribute: [29, 20],
    MultiValuedAttribute: [30, 20],
    UnsupportedAttribute: [31, 20],
    AttributeInstanceNotFound: [32, 20],
    AttributeNotFound: [33, 20],
    AttributeReadOnly: [34, 20],
    AttributeSingleValued: [35, 20],
    BadCryptographicParameters: [36, 20],
    BadPassword: [37, 20],
    CodecError: [38, 20],
    IllegalObjectType: [40, 20],
    IncompatibleCryptographicUsageMask: [41, 20],
    InternalServerError: [42, 20],
    InvalidAsynchronousCorrelationValue: [43, 20],
    InvalidAttribute: [44, 20],
    InvalidAttributeValue: [45, 20],
    InvalidCorrelationValue: [46, 20],
    InvalidCSR: [47, 20],
    InvalidObjectType: [48, 20],
    KeyWrapTypeNotSupported: [50, 20],
    MissingInitializationVector: [52, 20],
    NonUniqueNameAttribute: [53, 20],
    ObjectDestroyed: [54, 20],
    ObjectNotFound: [55, 20],
    NotAuthorised: [57, 20],
    ServerLimitExceeded: [58, 20],
    UnknownEnumeration: [59, 20],
    UnknownMessageExtension: [60, 20],
    UnknownTag: [61, 20],
    UnsupportedCryptographicParameters: [62, 20],
    UnsupportedProtocolVersion: [63, 20],
    WrappingObjectArchived: [64, 20],
    WrappingObjectDestroyed: [65, 20],
    WrappingObjectNotFound: [66, 20],
    WrongKeyLifecycleState: [67, 20],
    ProtectionStorageUnavailable: [68, 20],
    PKCS_11CodecError: [69, 20],
    PKCS_11InvalidFunction: [70, 20],
    PKCS_11InvalidInterface: [71, 20],
    PrivateProtectionStorageUnavailable: [72, 20],
    PublicProtectionStorageUnavailable: [73, 20],
    UnknownObjectGroup: [74, 21],
    ConstraintViolation: [75, 21],
    DuplicateProcessRequest: [76, 21],
    GeneralFailure: [256],
  },
  ResultStatus: {
    Success: [0],
    OperationFailed: [1],
    OperationPending: [2],
    OperationUndone: [3],
  },
  RevocationReasonCode: {
    Unspecified: [1],
    KeyCompromise: [2],
    CACompromise: [3],
    AffiliationChanged: [4],
    Superseded: [5],
    CessationOfOperation: [6],
    PrivilegeWithdrawn: [7],
  },
  RotateNameType: {
    UninterpretedTextString: [1, 21],
    URI: [2, 21],
  },
  SecretDataType: {
    Password: [1],
    Seed: [2],
  },
  ShreddingAlgorithm: {
    Unspecified: [1, 13],
    Cryptographic: [2, 13],
    Unsupported: [3, 13],
  },
  SplitKeyMethod: {
    XOR: [1],
    PolynomialSharingGF216: [2],
    PolynomialSharingPrimeField: [3],
    PolynomialSharingGF28: [4, 12],
  },
  State: {
    PreActive: [1],
    Active: [2],
    Deactivated: [3],
    Compromised: [4],
    Destroyed: [5],
    DestroyedCompromised: [6],
  },
  TicketType: {
    Login: [1, 20],
  },
  UniqueIdentifier: {
    IDPlaceholder: [1, 20],
    Certify: [2, 20],
    Create: [3, 20],
    CreateKeyPair: [4, 20],
    CreateKeyPairPrivateKey: [5, 20],
    CreateKeyPairPublicKey: [6, 20],
    CreateSplitKey: [7, 20],
    DeriveKey: [8, 20],
    Import: [9, 20],
    JoinSplitKey: [10, 20],
    Locate: [11, 20],
    Register: [12, 20],
    ReKey: [13, 20],
    ReCertify: [14, 20],
    ReKeyKeyPair: [15, 20],
    ReKeyKeyPairPrivateKey: [16, 20],
    ReKeyKeyPairPublicKey: [17, 20],
  },
  UnwrapMode: {
    Unspecified: [1, 13],
    Processed: [2, 13],
    NotProcessed: [3, 13],
  },
  UsageLimitsUnit: {
    Byte: [1],
    Object: [2],
  },
  ValidationAuthorityType: {
    Unspecified: [1, 13],
    NISTCMVP: [2, 13],
    CommonCriteria: [3, 13],
  },
  ValidationType: {
    Unspecified: [1, 13],
    Hardware: [2, 13],
    Software: [3, 13],
    Firmware: [4, 13],
    Hybrid: [5, 13],
  },
  ValidityIndicator: {
    Valid: [1],
    Invalid: [2],
    Unknown: [3],
  },
  WrappingMethod: {
    Encrypt: [1],
    MACSign: [2],
    EncryptThenMACSign: [3],
    MACSignThenEncrypt: [4],
    TR_31: [5],
  },
} as const satisfies Record<string, EnumerationRows>;

export const maskTable = {
  CryptographicUsageMask: {
    Sign: [1],
    Verify: [2],
    Encrypt: [4],
    Decrypt: [8],
    WrapKey: [16],
    UnwrapKey: [32],
    Export: [64, 10, 14],
    MACGenerate: [128],
    MACVerify: [0x00000100],
    DeriveKey: [0x00000200],
    ContentCommitmentNonRepudiation: [0x00000400, 10, 14],
    KeyAgreement: [0x00000800],
    CertificateSign: [0x00001000],
    CRLSign: [0x00002000],
    GenerateCryptogram: [0x00004000, 10, 14],
    ValidateCryptogram: [0x00008000, 10, 14],
    TranslateEncrypt: [0x00010000, 10, 14],
    TranslateDecrypt: [0x00020000, 10, 14],
    TranslateWrap: [0x00040000, 10, 14],
    TranslateUnwrap: [0x00080000, 10, 14],
    Authenticate: [0x00100000, 20],
    Unrestricted: [0x00200000, 20],
    FPEEncrypt: [0x00400000, 20],
    FPEDecrypt: [0x00800000, 20],
  },
  ProtectionStorageMask: {
    Software: [1, 20],
    Hardware: [2, 20],
    OnProcessor: [4, 20],
    OnSystem: [8, 20],
    OffSystem: [16, 20],
    Hypervisor: [32, 20],
    OperatingSystem: [64, 20],
    Container: [128, 20],
    OnPremises: [0x00000100, 20],
    OffPremises: [0x00000200, 20],
    SelfManaged: [0x00000400, 20],
    Outsourced: [0x00000800, 20],
    Validated: [0x00001000, 20],
    SameJurisdiction: [0x00002000, 20],
  },
  StorageStatusMask: {
    OnLineStorage: [1],
    ArchivalStorage: [2],
    DestroyedStorage: [4, 20],
  },
} as const satisfies Record<string, EnumerationRows>;

export type EnumerationName = keyof typeof enumerationTable;
export type MaskName = keyof typeof maskTable;

type Values<Rows extends EnumerationRows> = { readonly [Name in keyof Rows]: Rows[Name][0] };

function values<Rows extends EnumerationRows>(rows: Rows): Values<Rows> {
  return Object.fromEntries(Object.entries(rows).map(([name, row]) => [name, row[0]])) as unknown as Values<Rows>;
}

export const AdjustmentType = values(enumerationTable.AdjustmentType);
export const AlternativeNameType = values(enumerationTable.AlternativeNameType);
export const AsynchronousIndicator = values(enumerationTable.AsynchronousIndicator);
export const AttestationType = values(enumerationTable.AttestationType);
export const BatchErrorContinuationOption = values(enumerationTable.BatchErrorContinuationOption);
export const BlockCipherMode = values(enumerationTable.BlockCipherMode);
export const CancellationResult = values(enumerationTable.CancellationResult);
export const CertificateRequestType = values(enumerationTable.CertificateRequestType);
export const CertificateType = values(enumerationTable.CertificateType);
export const ClientRegistrationMethod = values(enumerationTable.ClientRegistrationMethod);
export const CredentialType = values(enumerationTable.CredentialType);
export const CryptographicAlgorithm = values(enumerationTable.CryptographicAlgorithm);
export const DRBGAlgorithm = values(enumerationTable.DRBGAlgorithm);
export const DataValue = values(enumerationTable.Data);
export const DerivationMethod = values(enumerationTable.DerivationMethod);
export const DestroyAction = values(enumerationTable.DestroyAction);
export const DigitalSignatureAlgorithm = values(enumerationTable.DigitalSignatureAlgorithm);
export const EncodingOption = values(enumerationTable.EncodingOption);
export const EndpointRole = values(enumerationTable.EndpointRole);
export const FIPS186Variation = values(enumerationTable.FIPS186Variation);
export const HashingAlgorithm = values(enumerationTable.HashingAlgorithm);
export const InteropFunction = values(enumerationTable.InteropFunction);
export const ItemTypeValue = values(enumerationTable.ItemType);
export const KeyCompressionType = values(enumerationTable.KeyCompressionType);
export const KeyFormatType = values(enumerationTable.KeyFormatType);
export const KeyRoleType = values(enumerationTable.KeyRoleType);
export const KeyValueLocationType = values(enumerationTable.KeyValueLocationType);
export const KeyWrapType = values(enumerationTable.KeyWrapType);
export const LinkType = values(enumerationTable.LinkType);
export const MaskGenerator = values(enumerationTable.MaskGenerator);
export const NISTKeyType = values(enumerationTable.NISTKeyType);
export const NameType = values(enumerationTable.NameType);
export const ObjectGroupMember = values(enumerationTable.ObjectGroupMember);
export const ObjectType = values(enumerationTable.ObjectType);
export const Operation = values(enumerationTable.Operation);
export const PaddingMethod = values(enumerationTable.PaddingMethod);
export const ProcessingStage = values(enumerationTable.ProcessingStage);
export const ProtectionLevel = values(enumerationTable.ProtectionLevel);
export const PutFunction = values(enumerationTable.PutFunction);
export const QueryFunction = values(enumerationTable.QueryFunction);
export const RNGAlgorithm = values(enumerationTable.RNGAlgorithm);
export const RNGMode = values(enumerationTable.RNGMode);
export const RecommendedCurve = values(enumerationTable.RecommendedCurve);
export const ResultReason = values(enumerationTable.ResultReason);
export const ResultStatus = values(enumerationTable.ResultStatus);
export const RevocationReasonCode = values(enumerationTable.RevocationReasonCode);
export const RotateNameType = values(enumerationTable.RotateNameType);
export const SecretDataType = values(enumerationTable.SecretDataType);
export const ShreddingAlgorithm = values(enumerationTable.ShreddingAlgorithm);
export const SplitKeyMethod = values(enumerationTable.SplitKeyMethod);
export const State = values(enumerationTable.State);
export const TicketType = values(enumerationTable.TicketType);
export const UniqueIdentifierValue = values(enumerationTable.UniqueIdentifier);
export const UnwrapMode = values(enumerationTable.UnwrapMode);
export const UsageLimitsUnit = values(enumerationTable.UsageLimitsUnit);
export const ValidationAuthorityType = values(enumerationTable.ValidationAuthorityType);
export const ValidationType = values(enumerationTable.ValidationType);
export const ValidityIndicator = values(enumerationTable.ValidityIndicator);
export const WrappingMethod = values(enumerationTable.WrappingMethod);
export const CryptographicUsageMask = values(maskTable.CryptographicUsageMask);
export const ProtectionStorageMask = values(maskTable.ProtectionStorageMask);
export const StorageStatusMask = values(maskTable.StorageStatusMask);

interface ValueFacts {
  readonly name: string;
  readonly since: number;
  readonly until: number;
}

const factsByValue: ReadonlyMap<string, ReadonlyMap<number, ValueFacts>> = new Map(
  Object.entries(enumerationTable as Record<string, EnumerationRows>).map(([name, rows]) => [
    name,
    new Map(Object.entries(rows).map(([key, row]) => [row[0], { name: key, since: row[1] ?? 10, until: row[2] ?? 99 }])),
  ]),
);

/** CamelCase name of an enumeration's value, or undefined. */
export function enumerationValueName(name: EnumerationName, value: number): string | undefined {
  return factsByValue.get(name)?.get(value)?.name;
}

/** Whether any version knows the value; extension values (0x8…) belong to every version. */
export function isKnownValue(name: EnumerationName, value: number): boolean {
  return value >= 0x80000000 || factsByValue.get(name)?.has(value) === true;
}

/** The value's name for people, or the number that a client sent where no version has a name for it. */
export function enumerationValueText(name: EnumerationName, value: number): string {
  return enumerationValueName(name, value) ?? `0x${value.toString(16)}`;
}

/** Whether a protocol version (10 … 21) has the value; extension values (0x8…) belong to every version. */
export function enumerationHas(name: EnumerationName, value: number, version: number): boolean {
  if (value >= 0x80000000) return true;
  const facts = factsByValue.get(name)?.get(value);
  return facts !== undefined && version >= facts.since && version <= facts.until;
}
