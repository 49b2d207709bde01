//! The service: its instances, their keys, its store.

use crate::error::IssueError;
use crate::instance::{Instance, check_name, key_name, read_suite};
use crate::lists::ListCache;
use crate::secure::Pen;
use crate::store::{Store, StoreError};
use crate::suite::{Form, Suite, conformance};
use chop_client::Resolver;
use chop_credential::Contexts;
use chop_http::{AdminToken, clock, random};
use chop_integrity::Timestamp;
use chop_keys::{PrivateKey, Signer};
use chop_keystore::{KeyName, Keystore, KeystoreError};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use thiserror::Error;
use tracing::info;

/// What the service needs to know before it starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// The database file (`SQLite`); made when absent.
    pub database: PathBuf,
    /// The public base URL, no slash at the end, under which `/statuslists/{id}` answers.
    pub base_url: String,
    /// How long a relying party may keep a status list, in milliseconds.
    pub list_ttl_ms: u64,
    /// What authorises writes.
    pub admin: AdminToken,
    /// Whether the instances of a conformance run are made at start.
    pub conformance: bool,
}

/// The issuing service; clones share everything.
#[derive(Clone)]
pub struct IssuerApp {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    store: Store,
    keystore: Arc<Keystore>,
    resolver: Arc<Resolver>,
    keys: RwLock<HashMap<String, Arc<PrivateKey>>>,
    lists: ListCache,
    contexts: Arc<Contexts>,
}

/// Why the service cannot start.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The instances of a conformance run cannot be made.
    #[error("the conformance instances cannot be made: {0}")]
    Instances(#[from] IssueError),
}

impl IssuerApp {
    /// Opens the store and makes the conformance instances when configured.
    ///
    /// # Errors
    /// [`OpenError`] when the store or the keystore fails.
    pub async fn open(
        config: Config,
        keystore: Arc<Keystore>,
        resolver: Arc<Resolver>,
    ) -> Result<Self, OpenError> {
        let store = Store::open(&config.database).await?;
        let inner = Inner {
            config,
            store,
            keystore,
            resolver,
            keys: RwLock::default(),
            lists: ListCache::default(),
            contexts: Arc::new(Contexts::embedded()),
        };
        let app = Self {
            inner: Arc::new(inner),
        };
        if app.inner.config.conformance {
            for (name, suite) in conformance() {
                if app
                    .store()
                    .instance(&name)
                    .await
                    .map_err(IssueError::from)?
                    .is_none()
                {
                    app.add(&name, suite).await?;
                }
            }
        }
        Ok(app)
    }

    /// Makes an instance with a new key, signing under the key's own `did:key`.
    ///
    /// # Errors
    /// [`IssueError`] when the name, suite or key type is refused or taken.
    pub async fn create_instance(
        &self,
        name: &str,
        suite: &str,
        key_type: Option<&str>,
    ) -> Result<Instance, IssueError> {
        check_name(name)?;
        let suite = read_suite(suite, key_type)?;
        self.add(name, suite).await
    }

    /// Binds an instance to another DID, whose document must list the instance's key under `assertionMethod`.
    ///
    /// # Errors
    /// [`IssueError`] when there is no such instance, or the DID cannot be resolved or does not list the key.
    pub async fn bind_instance(
        &self,
        name: &str,
        did: &str,
        verification_method: Option<&str>,
    ) -> Result<Instance, IssueError> {
        let instance = self.instance(name).await?;
        let verification_method =
            crate::binding::find(&self.inner.resolver, &instance, did, verification_method).await?;
        self.store()
            .bind_instance(name, did, &verification_method)
            .await?;
        self.inner.lists.forget();
        info!(instance = name, did, "bound an issuing instance to a DID");
        Ok(Instance {
            did: did.to_owned(),
            verification_method,
            certificates: None,
            ..instance
        })
    }

    /// Gives an instance the certificates (PEM, its key's own first, the anchor left out) that its tokens bring along, or
    /// takes them away.
    ///
    /// # Errors
    /// [`IssueError`] when there is no such instance, its suite brings no certificates, or they are not for its key and DID.
    pub async fn certify_instance(
        &self,
        name: &str,
        certificates: Option<String>,
    ) -> Result<Instance, IssueError> {
        let instance = Instance {
            certificates,
            ..self.instance(name).await?
        };
        if let Some(chain) = instance.chain()? {
            if instance.suite.mechanism().form != Form::SdJwtVc {
                return Err(IssueError::NoCertificates {
                    mechanism: instance.suite.mechanism().name,
                });
            }
            let now = Timestamp::from_unix_ms(clock::now_ms());
            chain.certifies(self.key(&instance)?.public_key(), Some(&instance.did))?;
            chain.within_term(now)?;
        }
        self.store()
            .certify_instance(name, instance.certificates.as_deref())
            .await?;
        self.inner.lists.forget();
        info!(
            instance = name,
            "changed the certificates of an issuing instance"
        );
        Ok(instance)
    }

    /// Answers when the store does.
    ///
    /// # Errors
    /// [`StoreError`] when it does not.
    pub async fn ready(&self) -> Result<(), StoreError> {
        self.store().ping().await
    }

    /// Closes the store.
    pub async fn close(&self) {
        self.store().close().await;
    }

    /// All instances, ordered by name.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn instances(&self) -> Result<Vec<Instance>, StoreError> {
        self.store().instances().await
    }

    pub(crate) async fn instance(&self, name: &str) -> Result<Instance, IssueError> {
        self.store()
            .instance(name)
            .await?
            .ok_or_else(|| IssueError::UnknownInstance {
                name: name.to_owned(),
            })
    }

    pub(crate) fn config(&self) -> &Config {
        &self.inner.config
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    pub(crate) fn lists(&self) -> &ListCache {
        &self.inner.lists
    }

    /// What the instance signs with; the contexts are those that every document may name.
    pub(crate) fn pen<'a>(&'a self, instance: &'a Instance, signer: &'a dyn Signer) -> Pen<'a> {
        Pen {
            instance,
            signer,
            contexts: &self.inner.contexts,
        }
    }

    /// The contexts that are known without a ledger.
    pub(crate) fn contexts(&self) -> &Arc<Contexts> {
        &self.inner.contexts
    }

    pub(crate) fn resolver(&self) -> &Resolver {
        &self.inner.resolver
    }

    pub(crate) fn list_url(&self, id: &str) -> String {
        format!("{}/statuslists/{id}", self.inner.config.base_url)
    }

    /// Where an instance lists its Token Status Lists; the slash of a curve's instance is part of its name.
    pub(crate) fn aggregation_url(&self, instance: &str) -> String {
        let name = instance.replace('/', "%2F");
        format!(
            "{}/v1/issuers/{name}/statuslists",
            self.inner.config.base_url
        )
    }

    /// The instance's key, opened once and kept.
    pub(crate) fn key(&self, instance: &Instance) -> Result<Arc<PrivateKey>, KeystoreError> {
        let kept = self
            .inner
            .keys
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&instance.key_name)
            .cloned();
        if let Some(key) = kept {
            return Ok(key);
        }
        let key = self
            .inner
            .keystore
            .load(&KeyName::parse(&instance.key_name)?)?;
        self.inner
            .keys
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(instance.key_name.clone(), Arc::clone(&key));
        Ok(key)
    }

    async fn add(&self, name: &str, suite: Suite) -> Result<Instance, IssueError> {
        let taken = || IssueError::InstanceExists {
            name: name.to_owned(),
        };
        if self.store().instance(name).await?.is_some() {
            return Err(taken());
        }
        let key = self.new_key(&key_name(name), suite)?;
        let instance = Instance::with_own_key(name, suite, key.public_key());
        if self
            .store()
            .add_instance(&instance, clock::now_ms())
            .await?
        {
            Ok(instance)
        } else {
            Err(taken())
        }
    }

    /// Makes the key, or takes the one that was made when the process ended before its instance was recorded.
    fn new_key(&self, name: &str, suite: Suite) -> Result<Arc<PrivateKey>, KeystoreError> {
        let name = KeyName::parse(name)?;
        if let Ok(key) = self.inner.keystore.load(&name)
            && key.public_key().key_type() == suite.key_type()
        {
            return Ok(key);
        }
        self.inner
            .keystore
            .generate(&name, suite.key_type(), &mut random::fill)
    }
}
