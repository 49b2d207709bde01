// What each suite is signed, disclosed and verified with.
import * as bbs from '@digitalbazaar/bbs-2023-cryptosuite';
import * as ecdsaJcs from '@digitalbazaar/ecdsa-jcs-2019-cryptosuite';
import * as ecdsaSd from '@digitalbazaar/ecdsa-sd-2023-cryptosuite';
import * as eddsaJcs from '@digitalbazaar/eddsa-jcs-2022-cryptosuite';
import {cryptosuite as ecdsaRdfc} from '@digitalbazaar/ecdsa-rdfc-2019-cryptosuite';
import {cryptosuite as eddsaRdfc} from '@digitalbazaar/eddsa-rdfc-2022-cryptosuite';

const plain = suite => ({sign: () => suite, verify: () => suite});

const paired = suite => ({
  sign: () => suite.createSignCryptosuite(),
  verify: () => suite.createVerifyCryptosuite()
});

const selective = suite => ({
  sign: ({mandatoryPointers}) => suite.createSignCryptosuite({mandatoryPointers}),
  disclose: ({selectivePointers}) => suite.createDiscloseCryptosuite({selectivePointers}),
  verify: () => suite.createVerifyCryptosuite()
});

export const SUITES = {
  'eddsa-rdfc-2022': plain(eddsaRdfc),
  'eddsa-jcs-2022': paired(eddsaJcs),
  'ecdsa-rdfc-2019': plain(ecdsaRdfc),
  'ecdsa-jcs-2019': paired(ecdsaJcs),
  'ecdsa-sd-2023': selective(ecdsaSd),
  'bbs-2023': selective(bbs),
  // Not a cryptosuite of Data Integrity; a class of its own.
  Ed25519Signature2020: {}
};
